// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors
#ifndef CAPSTAN_CCOMPRESSION_SHIM_H
#define CAPSTAN_CCOMPRESSION_SHIM_H

#include <bzlib.h>
#include <zlib.h>

#endif
