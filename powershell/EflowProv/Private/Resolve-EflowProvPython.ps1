function Resolve-EflowProvPython {
    # Asks a Python for its version and its real path, and returns that path. Throws one sentence when eflowprov cannot
    # run with it.
    [CmdletBinding()]
    [OutputType([string])]
    param(
        [string] $Path
    )

    $ErrorActionPreference = 'Stop'
    # What lies there is the Store's stub, which only opens the Store, or its packaged Python, which redirects what it
    # writes; neither can hold a virtual environment for an elevated session.
    $store = '[\\/]WindowsApps[\\/]'
    if ($Path -match $store) {
        throw "$Path belongs to the Microsoft Store."
    }
    $ask = @('-I', '-X', 'utf8', '-c', "import sys; print('%d.%d' % sys.version_info[:2]); print(sys.executable)")
    if ((Split-Path -Path $Path -Leaf) -eq 'py.exe') {
        $ask = @('-3') + $ask
    }
    $answer = Invoke-EflowProvProcess -FilePath $Path -ArgumentList $ask -Activity 'Looking for Python'
    $lines = @($answer.Output -split '\r?\n')
    if ($answer.ExitStatus -ne 0 -or $lines.Count -lt 2 -or $lines[0] -notmatch '^\d+\.\d+$') {
        throw "$Path is no working Python."
    }
    if ([version]$lines[0] -lt [version]'3.11') {
        throw "$Path is Python $($lines[0])."
    }
    if ($lines[1] -match $store) {
        throw "$Path starts $($lines[1]), which belongs to the Microsoft Store."
    }
    $lines[1]
}
