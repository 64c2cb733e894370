"""
Runs a command in a pseudo-terminal that is its controlling terminal: ROWS COLUMNS COMMAND…

What is read from stdin is typed, what the terminal gets is written to stdout, and the end of stdin hangs up.
Ends with the exit code of the command, or 128 and the number of the signal that ended it.
"""
import fcntl
import os
import pty
import select
import struct
import sys
import termios

rows, columns, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
terminal, inside = pty.openpty()
fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
process = os.fork()
if process == 0:
    os.close(terminal)
    os.setsid()
    fcntl.ioctl(inside, termios.TIOCSCTTY, 0)
    for stream in (0, 1, 2):
        os.dup2(inside, stream)
    os.execvp(command[0], command)
os.close(inside)
while True:
    readable, _, _ = select.select([terminal, 0], [], [])
    if terminal in readable:
        try:
            shown = os.read(terminal, 65536)
        except OSError:
            # EIO: every process has closed the terminal.
            break
        if not shown:
            break
        while shown:
            shown = shown[os.write(1, shown):]
    if 0 in readable:
        typed = os.read(0, 65536)
        if not typed:
            break
        while typed:
            typed = typed[os.write(terminal, typed):]
os.close(terminal)
_, status = os.waitpid(process, 0)
code = os.waitstatus_to_exitcode(status)
sys.exit(code if code >= 0 else 128 - code)
