"""Windows: a file that is its owner's, Administrators' and SYSTEM's alone from the moment of its creation.

Python's own calls create a file with the folder's inherited rights and can only narrow them afterwards; CreateFileW
takes them at creation (Win32 documentation, "CreateFileW", "Security Descriptor String Format"). They are read back,
where the volume keeps any.
"""

from __future__ import annotations

import sys
from pathlib import Path

if sys.platform == "win32":
    import ctypes
    import errno
    import msvcrt
    import os
    from ctypes import wintypes

    from eflowprov.workflows.disk.access_lists import readers_by_list

    _GENERIC_READ = 0x80000000
    _GENERIC_WRITE = 0x40000000
    _DELETE = 0x00010000
    _SHARE_ALL = 7
    _CREATE_NEW = 1
    _OPEN_EXISTING = 3
    _ERROR_SHARING_VIOLATION = 32
    _FILE_ATTRIBUTE_NORMAL = 0x80
    _TOKEN_QUERY = 0x0008
    _TOKEN_USER = 1
    _SDDL_REVISION = 1
    _DACL_SECURITY_INFORMATION = 4
    _SE_FILE_OBJECT = 1
    _FILE_PERSISTENT_ACLS = 8
    _LONGEST_PATH = 32_768
    _INVALID_HANDLE = wintypes.HANDLE(-1).value

    class _SecurityAttributes(ctypes.Structure):
        _fields_ = (
            ("length", wintypes.DWORD),
            ("descriptor", wintypes.LPVOID),
            ("inherit", wintypes.BOOL),
        )

    def _load() -> tuple[ctypes.WinDLL, ctypes.WinDLL]:
        kernel, security = (
            ctypes.WinDLL("kernel32", use_last_error=True),
            ctypes.WinDLL("advapi32", use_last_error=True),
        )
        kernel.CreateFileW.restype = wintypes.HANDLE
        kernel.CreateFileW.argtypes = [
            wintypes.LPCWSTR, wintypes.DWORD, wintypes.DWORD, ctypes.POINTER(_SecurityAttributes),
            wintypes.DWORD, wintypes.DWORD, wintypes.HANDLE,
        ]  # fmt: skip
        kernel.GetCurrentProcess.restype = wintypes.HANDLE
        kernel.CloseHandle.argtypes = [wintypes.HANDLE]
        kernel.LocalFree.argtypes = [wintypes.LPVOID]
        kernel.GetVolumePathNameW.argtypes = [wintypes.LPCWSTR, wintypes.LPWSTR, wintypes.DWORD]
        kernel.GetVolumeInformationW.argtypes = [
            wintypes.LPCWSTR, wintypes.LPWSTR, wintypes.DWORD, wintypes.LPVOID, wintypes.LPVOID,
            ctypes.POINTER(wintypes.DWORD), wintypes.LPWSTR, wintypes.DWORD,
        ]  # fmt: skip
        security.OpenProcessToken.argtypes = [wintypes.HANDLE, wintypes.DWORD, ctypes.POINTER(wintypes.HANDLE)]
        security.GetTokenInformation.argtypes = [
            wintypes.HANDLE, ctypes.c_int, wintypes.LPVOID, wintypes.DWORD, ctypes.POINTER(wintypes.DWORD),
        ]  # fmt: skip
        security.ConvertSidToStringSidW.argtypes = [wintypes.LPVOID, ctypes.POINTER(wintypes.LPWSTR)]
        security.ConvertStringSecurityDescriptorToSecurityDescriptorW.argtypes = [
            wintypes.LPCWSTR, wintypes.DWORD, ctypes.POINTER(wintypes.LPVOID), wintypes.LPVOID,
        ]  # fmt: skip
        security.ConvertSecurityDescriptorToStringSecurityDescriptorW.argtypes = [
            wintypes.LPVOID, wintypes.DWORD, wintypes.DWORD, ctypes.POINTER(wintypes.LPWSTR), wintypes.LPVOID,
        ]  # fmt: skip
        security.GetNamedSecurityInfoW.argtypes = [
            wintypes.LPCWSTR, ctypes.c_int, wintypes.DWORD, wintypes.LPVOID, wintypes.LPVOID, wintypes.LPVOID,
            wintypes.LPVOID, ctypes.POINTER(wintypes.LPVOID),
        ]  # fmt: skip
        return kernel, security

    _KERNEL, _SECURITY = _load()

    def create_private(path: Path) -> int:
        """Create a file and give its descriptor, open for writing; raises OSError, FileExistsError when it is there."""
        if "\0" in str(path):
            raise ValueError("embedded null character")  # Windows would take the name up to there
        user = current_user()
        descriptor = wintypes.LPVOID()
        # P: nothing is inherited from the folder; FA: full access; BA: Administrators; SY: SYSTEM.
        rights = f"O:{user}D:P(A;;FA;;;{user})(A;;FA;;;BA)(A;;FA;;;SY)"
        _check(
            _SECURITY.ConvertStringSecurityDescriptorToSecurityDescriptorW(
                rights, _SDDL_REVISION, ctypes.byref(descriptor), None
            )
        )
        try:
            attributes = _SecurityAttributes(ctypes.sizeof(_SecurityAttributes), descriptor, False)
            handle = _KERNEL.CreateFileW(
                str(path), _GENERIC_WRITE, 0, ctypes.byref(attributes), _CREATE_NEW, _FILE_ATTRIBUTE_NORMAL, None
            )
        finally:
            _KERNEL.LocalFree(descriptor)
        if handle == _INVALID_HANDLE:
            raise ctypes.WinError(ctypes.get_last_error())
        file = msvcrt.open_osfhandle(handle, os.O_WRONLY | os.O_BINARY)
        try:
            if keeps_rights(path) and readers_by_list(rights_of(path), user):
                raise PermissionError(errno.EACCES, "its access list lets others read it")
        except BaseException:
            os.close(file)
            path.unlink()
            raise
        return file

    def shuts_out(path: Path, *, readers: bool = False) -> bool:
        """Whether a program that has the file open lets nobody replace it meanwhile, or with `readers` read it.

        Python's own calls say "access denied" of both, as of rights that are missing.
        """
        wanted = _GENERIC_READ if readers else _DELETE
        handle = _KERNEL.CreateFileW(str(path), wanted, _SHARE_ALL, None, _OPEN_EXISTING, _FILE_ATTRIBUTE_NORMAL, None)
        if handle == _INVALID_HANDLE:
            return ctypes.get_last_error() == _ERROR_SHARING_VIOLATION
        _KERNEL.CloseHandle(handle)
        return False

    def keeps_rights(path: Path) -> bool:
        """Whether the volume of a file keeps access lists: NTFS and ReFS do, FAT and exFAT do not; raises OSError."""
        root = ctypes.create_unicode_buffer(_LONGEST_PATH)
        _check(_KERNEL.GetVolumePathNameW(str(path), root, _LONGEST_PATH))
        flags = wintypes.DWORD()
        _check(_KERNEL.GetVolumeInformationW(root, None, 0, None, None, ctypes.byref(flags), None, 0))
        return bool(flags.value & _FILE_PERSISTENT_ACLS)

    def current_user() -> str:
        """The security identifier of the user that runs this process, as `S-1-...`."""
        token = wintypes.HANDLE()
        _check(_SECURITY.OpenProcessToken(_KERNEL.GetCurrentProcess(), _TOKEN_QUERY, ctypes.byref(token)))
        try:
            size = wintypes.DWORD()
            _SECURITY.GetTokenInformation(token, _TOKEN_USER, None, 0, ctypes.byref(size))
            buffer = ctypes.create_string_buffer(size.value)
            _check(_SECURITY.GetTokenInformation(token, _TOKEN_USER, buffer, size, ctypes.byref(size)))
        finally:
            _KERNEL.CloseHandle(token)
        identifier = ctypes.cast(buffer, ctypes.POINTER(wintypes.LPVOID))[0]  # TOKEN_USER begins with the SID's address
        text = wintypes.LPWSTR()
        _check(_SECURITY.ConvertSidToStringSidW(identifier, ctypes.byref(text)))
        return _taken(text)

    def rights_of(path: Path) -> str:
        """The access list of a file as SDDL text, `D:P(A;;FA;;;...)...`; raises OSError."""
        descriptor = wintypes.LPVOID()
        status = _SECURITY.GetNamedSecurityInfoW(
            str(path), _SE_FILE_OBJECT, _DACL_SECURITY_INFORMATION, None, None, None, None, ctypes.byref(descriptor)
        )
        if status:
            raise ctypes.WinError(status)
        text = wintypes.LPWSTR()
        try:
            _check(
                _SECURITY.ConvertSecurityDescriptorToStringSecurityDescriptorW(
                    descriptor, _SDDL_REVISION, _DACL_SECURITY_INFORMATION, ctypes.byref(text), None
                )
            )
        finally:
            _KERNEL.LocalFree(descriptor)
        return _taken(text)

    def _taken(text: wintypes.LPWSTR) -> str:
        """The text that the system allocated, which is given back to it."""
        try:
            return str(text.value)
        finally:
            _KERNEL.LocalFree(text)

    def _check(succeeded: int) -> None:
        if not succeeded:
            raise ctypes.WinError(ctypes.get_last_error())
