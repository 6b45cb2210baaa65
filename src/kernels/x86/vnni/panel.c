/* SPDX-License-Identifier: Apache-2.0 */
/* panel.c - panels of unsigned bytes, which vpdpbusd takes. */
#include "kernels/x86/vnni/panel.h"
#include "kernels/x86/vnni/vnni.h"

void aq_vnni_pack_panel(const aq_integers_job *job)
{
    aq_pack_panels(job, AQ_BYTES_UNSIGNED);
}
