"""Becomes a command that ends with its parent: `python -I -S leash.py PARENT_PID SIGNAL USER COMMAND …`.

Run by path and without site-packages, because it stands before every child and must cost nothing. USER is
`-`, or the account to become. Where the kernel has no such promise (anything but Linux), a child may outlive
a killed parent and is stopped by its pid file at the next start.
"""

import ctypes
import os
import pwd
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, signal_number, user, *command = sys.argv[1:]
    if user != "-":
        account = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    # After the change of user, which would undo it; exec does not.
    die_with_parent(int(signal_number))
    if os.getppid() != int(parent):
        sys.exit("the parent ended before its child began")
    os.execv(command[0], command)  # noqa: S606 (what a leash is for)


def die_with_parent(signal_number: int) -> None:
    """Ask the kernel to send `signal_number` to this process when the thread that started it ends."""
    if (
        sys.platform == "linux"
        and ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal_number) != 0
    ):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")


if __name__ == "__main__":
    main()
