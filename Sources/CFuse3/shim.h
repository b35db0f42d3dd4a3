// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors
#ifndef CAPSTAN_CFUSE3_SHIM_H
#define CAPSTAN_CFUSE3_SHIM_H

#define FUSE_USE_VERSION 314
#include <fuse3/fuse_lowlevel.h>

#endif
