function Install-EflowProv {
    <#
    .SYNOPSIS
    Puts the eflowprov program into a virtual environment of its own, from an index or from a folder of wheels.

    .DESCRIPTION
    Makes the virtual environment where only administrators may write (EflowProv\venv in Program Files; elsewhere
    than on Windows .local/share/eflowprov/venv in the home folder) and installs the newest eflowprov into it. It needs
    an elevated session and a Python of 3.11 or later; the Microsoft Store's is refused.

    Run it again to bring the program up to date; it changes nothing when that is so already. The other cmdlets of the
    module find the program there by themselves.

    .PARAMETER Source
    A folder with the wheels of eflowprov and of all that it needs. Nothing is then fetched from an index.

    .PARAMETER Python
    The path of python.exe. Without it the py launcher is asked, then PATH.

    .PARAMETER Version
    The version to install, in place of the newest.

    .PARAMETER Force
    Makes the virtual environment anew.

    .EXAMPLE
    Install-EflowProv

    Installs the newest version from the index that pip is set up for.

    .EXAMPLE
    Install-EflowProv -Source D:\wheels -Python 'C:\Program Files\Python313\python.exe'

    Installs without a network.
    #>
    [CmdletBinding(SupportsShouldProcess)]
    [OutputType('EflowProv.Installation')]
    param(
        [string] $Source,

        [string] $Python,

        [ValidatePattern('^[0-9A-Za-z.!+-]+$')]
        [string] $Version,

        [switch] $Force
    )

    try {
        $wanted = @('eflowprov')
        if ($Version) {
            $wanted = @("eflowprov==$Version")
        }
        if ($Source) {
            $folder = $PSCmdlet.GetUnresolvedProviderPathFromPSPath($Source)
            if (-not (Test-Path -LiteralPath $folder -PathType Container)) {
                throw (ConvertTo-EflowProvError -ExitStatus 2 -Message "-Source: there is no folder $folder. Name the folder with the wheels.")
            }
            $wanted = @('--no-index', '--find-links', $folder) + $wanted
        }
        if ($Python) {
            $Python = $PSCmdlet.GetUnresolvedProviderPathFromPSPath($Python)
        }
        $base = Find-EflowProvPython -Path $Python
        $venv = Get-EflowProvVenv
        if (-not $PSCmdlet.ShouldProcess($venv.Folder, "Install $($wanted[-1]) with $base")) {
            return
        }
        if ($Force -or -not (Test-Path -LiteralPath $venv.Program -PathType Leaf)) {
            [void](Invoke-EflowProvStep -FilePath $base -ArgumentList @('-I', '-X', 'utf8', '-m', 'venv', '--clear', $venv.Folder))
        }
        $pip = @('-I', '-X', 'utf8', '-m', 'pip', 'install', '--no-input', '--disable-pip-version-check', '--upgrade')
        [void](Invoke-EflowProvStep -FilePath $venv.Python -ArgumentList ($pip + $wanted))
        $said = Invoke-EflowProvStep -FilePath $venv.Program -ArgumentList @('--version')
        $installation = [pscustomobject]@{
            PSTypeName = 'EflowProv.Installation'
            Version    = @($said.Trim() -split '\s+')[-1]
            Program    = $venv.Program
        }
    }
    catch {
        $PSCmdlet.ThrowTerminatingError($_)
    }
    $installation
}
