"""A Windows job object: the one handle on a process and all that it starts (Win32 API, "Job Objects")."""

from __future__ import annotations

import sys
from collections.abc import Callable

assert sys.platform == "win32"  # noqa: S101 - imported there alone; mypy reads the rest only for Windows

import ctypes  # noqa: E402
from ctypes import wintypes  # noqa: E402

_EXTENDED_LIMITS = 9  # JobObjectExtendedLimitInformation
_KILL_ON_JOB_CLOSE = 0x2000
_SET_QUOTA_AND_TERMINATE = 0x0100 | 0x0001  # what AssignProcessToJobObject asks of the process handle
_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
_kernel32.CreateJobObjectW.restype = wintypes.HANDLE
_kernel32.OpenProcess.restype = wintypes.HANDLE


class _BasicLimits(ctypes.Structure):
    """JOBOBJECT_BASIC_LIMIT_INFORMATION."""

    _fields_ = [
        ("PerProcessUserTimeLimit", wintypes.LARGE_INTEGER),
        ("PerJobUserTimeLimit", wintypes.LARGE_INTEGER),
        ("LimitFlags", wintypes.DWORD),
        ("MinimumWorkingSetSize", ctypes.c_size_t),
        ("MaximumWorkingSetSize", ctypes.c_size_t),
        ("ActiveProcessLimit", wintypes.DWORD),
        ("Affinity", ctypes.c_size_t),
        ("PriorityClass", wintypes.DWORD),
        ("SchedulingClass", wintypes.DWORD),
    ]


class _ExtendedLimits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

    _fields_ = [
        ("BasicLimitInformation", _BasicLimits),
        ("IoInfo", ctypes.c_ulonglong * 6),  # IO_COUNTERS
        ("ProcessMemoryLimit", ctypes.c_size_t),
        ("JobMemoryLimit", ctypes.c_size_t),
        ("PeakProcessMemoryUsed", ctypes.c_size_t),
        ("PeakJobMemoryUsed", ctypes.c_size_t),
    ]


def job_for(pid: int) -> Callable[[], None]:
    """Put a process that has just been started into a new job; the answer ends the job, once.

    What the process starts before it is in the job gets away; PowerShell needs tenths of a second before its first
    line, this call none. Should this program itself be ended, Windows closes the handle, and the job ends too. A
    process that has ended already has no job, and the answer does nothing.
    """
    job = wintypes.HANDLE(_kernel32.CreateJobObjectW(None, None))
    limits = _ExtendedLimits()
    limits.BasicLimitInformation.LimitFlags = _KILL_ON_JOB_CLOSE
    _kernel32.SetInformationJobObject(job, _EXTENDED_LIMITS, ctypes.byref(limits), ctypes.sizeof(limits))
    process = wintypes.HANDLE(_kernel32.OpenProcess(_SET_QUOTA_AND_TERMINATE, False, pid))
    _kernel32.AssignProcessToJobObject(job, process)
    _kernel32.CloseHandle(process)

    def end() -> None:
        _kernel32.TerminateJobObject(job, 1)
        _kernel32.CloseHandle(job)

    return end
