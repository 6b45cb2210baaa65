#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""loops.py finds the loops, the multiply-accumulates and the stack in listings that are written here."""
import unittest

import loops


def listing(text):
    """[(address, mnemonic, operands)] with one address a line; "@N" in operands is the address of line N."""
    lines = []
    for number, line in enumerate(text.strip().splitlines()):
        name, _, operands = line.strip().partition(" ")
        lines.append((number, name, operands.strip().replace("@", "")))
    return lines


class LoopsTest(unittest.TestCase):
    def only(self, text):
        found = loops.innermost(listing(text))
        self.assertEqual(len(found), 1)
        return found[0]

    def test_innermost_of_two(self):
        loop = self.only("""xor %eax,%eax
            vxorps %xmm0,%xmm0,%xmm0
            vfmadd231ps (%rdi),%zmm1,%zmm0
            vpdpbusd (%rsi),%zmm1,%zmm2
            add $0x40,%rdi
            cmp %rdx,%rdi
            jne 2
            dec %ecx
            jne 1
            ret""")
        self.assertEqual((loop.macs, loop.instructions, loop.stack), (2, 5, []))

    def test_all_kinds(self):
        for name in ("vfmadd132ps", "vfmadd213ps", "vfnmadd231ps", "vpdpbusd", "vpdpbusds", "vpdpwssd", "pmaddwd",
                     "vpmaddwd", "vdpbf16ps"):
            self.assertEqual(self.only(f"{name} %zmm0,%zmm1,%zmm2\njb 0").macs, 1, name)
        for name in ("vmulps", "vaddps", "vpaddd", "vfmadd231ss"):
            self.assertEqual(loops.innermost(listing(f"{name} %zmm0,%zmm1,%zmm2\njb 0")), [], name)

    def test_forward_jumps_make_no_loop(self):
        self.assertEqual(loops.innermost(listing("vfmadd231ps %ymm0,%ymm1,%ymm2\nje 3\nnop\nret")), [])

    def stack(self, before, inside):
        text = before + "\n" + inside + "\nvfmadd231ps %ymm0,%ymm1,%ymm2\njne " + str(len(before.splitlines()))
        return [operands for _, _, operands in self.only(text).stack]

    def test_stack(self):
        self.assertEqual(self.stack("nop", "vmovaps %ymm0,0x20(%rsp)"), ["%ymm0,0x20(%rsp)"])
        self.assertEqual(self.stack("nop", "vmovaps (%rsp,%rax,4),%ymm0"), ["(%rsp,%rax,4),%ymm0"])
        self.assertEqual(self.stack("nop", "lea 0x20(%rsp),%rax"), [])

    def test_rbp_is_the_stack_only_as_a_frame(self):
        self.assertEqual(self.stack("mov %rdi,%rbp", "vmovaps (%rbp),%ymm0"), [])
        self.assertEqual(self.stack("mov %rsp,%rbp", "vmovaps -0x40(%rbp),%ymm0"), ["-0x40(%rbp),%ymm0"])

    def test_pointers_to_the_stack(self):
        self.assertEqual(self.stack("lea 0x40(%rsp),%rax", "vmovaps (%rax),%ymm0"), ["(%rax),%ymm0"])
        self.assertEqual(self.stack("mov %rsp,%rax\nadd $0x40,%rax", "vmovaps (%rcx,%rax,1),%ymm0"),
                         ["(%rcx,%rax,1),%ymm0"])
        self.assertEqual(self.stack("lea 0x40(%rsp),%rax\nmov %rdi,%rax", "vmovaps (%rax),%ymm0"), [])
        self.assertEqual(self.stack("lea 0x40(%rsp),%rax\nxor %eax,%eax", "vmovaps (%rax),%ymm0"), [])


if __name__ == "__main__":
    unittest.main()
