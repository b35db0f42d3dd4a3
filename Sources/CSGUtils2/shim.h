// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors
#ifndef CAPSTAN_CSGUTILS2_SHIM_H
#define CAPSTAN_CSGUTILS2_SHIM_H

#include <stdint.h>
#include <scsi/sg_lib.h>

#endif
