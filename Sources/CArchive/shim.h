// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors
#ifndef CAPSTAN_CARCHIVE_SHIM_H
#define CAPSTAN_CARCHIVE_SHIM_H

#include <archive.h>
#include <archive_entry.h>

#endif
