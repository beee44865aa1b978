function Get-EflowProvVenv {
    # Where Install-EflowProv puts the virtual environment, and the two programs in it that are called.
    # Program Files, since only administrators may write there: what an elevated session runs must not lie where
    # everyone may put a file beside it, as in ProgramData.
    [CmdletBinding()]
    [OutputType('EflowProv.Venv')]
    param()

    if ($env:OS -eq 'Windows_NT') {
        $folder = Join-Path -Path $env:ProgramFiles -ChildPath 'EflowProv\venv'
        $python = Join-Path -Path $folder -ChildPath 'Scripts\python.exe'
        $program = Join-Path -Path $folder -ChildPath 'Scripts\eflowprov.exe'
    }
    else {
        $folder = Join-Path -Path $HOME -ChildPath '.local/share/eflowprov/venv'
        $python = Join-Path -Path $folder -ChildPath 'bin/python'
        $program = Join-Path -Path $folder -ChildPath 'bin/eflowprov'
    }
    [pscustomobject]@{
        PSTypeName = 'EflowProv.Venv'
        Folder     = $folder
        Python     = $python
        Program    = $program
    }
}
