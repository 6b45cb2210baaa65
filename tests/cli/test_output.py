# SPDX-License-Identifier: Apache-2.0
"""Result files of the command: whole or not at all, on a full disk, in a missing folder, over what is there."""
import json
import os
import resource
import signal

import support


def limited():
    """In the child: no file may grow beyond 200 bytes. The signal is set as a shell leaves it."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))


class OutputTest(support.CommandTest):
    def setUp(self):
        super().setUp()
        self.model = self.path("model.safetensors", support.safetensors(support.small_model()))
        (self.folder / "results").mkdir()

    def writers(self, path):
        """Each way of writing a file."""
        return (["verify", "--rows", "1", "--json", path, self.model], ["info", "--json", path],
                ["run", "-m", 9, "-k", 5, "-n", 40, "--out", path])

    def left(self):
        return sorted(os.listdir(self.folder / "results"))

    def test_full_disk(self):
        path = self.path("results/out")
        for old in (None, b"what was there before"):
            if old is not None:
                path.write_bytes(old)
            for arguments in self.writers(path):
                err = self.call(*arguments, code=2, preexec_fn=limited)[1]
                self.assertIn(f"antiquant: {path}: cannot write: File too large", err)
                self.assertEqual(self.left(), [] if old is None else ["out"])
        self.assertEqual(path.read_bytes(), old)

    def test_device_that_is_full(self):
        for arguments in self.writers("/dev/full"):
            err = self.call(*arguments, code=2)[1]
            self.assertIn("antiquant: /dev/full: cannot write: No space left on device", err)
        self.assertFalse(os.path.isfile("/dev/full"))

    def test_no_such_folder(self):
        path = self.path("missing/out")
        for arguments in self.writers(path):
            out, err = self.call(*arguments, code=2)
            self.assertIn(f"antiquant: {path}: cannot create the file: No such file or directory", err)
            self.assertNotIn("result:", out)

    def test_folder_in_the_way(self):
        for arguments in self.writers(self.folder / "results"):
            err = self.call(*arguments, code=2)[1]
            self.assertIn("results: cannot ", err)
        self.assertEqual(self.left(), [])

    def test_replaces_and_leaves_nothing_else(self):
        path = self.path("results/out")
        for arguments in self.writers(path):
            path.write_bytes(b"old")
            self.call(*arguments, umask=0o027)
            self.assertEqual(self.left(), ["out"])
            self.assertNotEqual(path.read_bytes(), b"old")
            self.assertEqual(path.stat().st_mode & 0o777, 0o640)

    def test_follows_a_link(self):
        path, link = self.path("results/out"), self.path("link")
        path.write_bytes(b"old")
        link.symlink_to(path)
        self.call("info", "--json", link)
        self.assertTrue(link.is_symlink())
        self.assertIn("kernels", json.loads(path.read_text()))

    def test_nothing_is_written_when_the_input_is_bad(self):
        path = self.path("results/out")
        self.path("bad.safetensors", b"nonsense")
        self.refused("verify", "--json", path, self.path("bad.safetensors"), names=["bad.safetensors"])
        bad = {"good.weight": support.matrix("F32", 2, 3, 1), "late.weight": ("F32", (1, 1), [float("nan")])}
        late = self.path("late.safetensors", support.safetensors(bad))
        self.refused("verify", "--json", path, late, names=["late.weight"])
        self.assertEqual(self.left(), [])


if __name__ == "__main__":
    support.main()
