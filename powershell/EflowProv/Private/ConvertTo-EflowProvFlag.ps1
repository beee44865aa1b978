function ConvertTo-EflowProvFlag {
    # The tool's flags for the parameters that were given: each map goes from a parameter's name to a flag.
    # A flag and its value are one argument, so that a value that looks like a flag stays a value.
    [CmdletBinding()]
    [OutputType([string])]
    param(
        # The caller's $PSBoundParameters.
        [object] $Bound,

        # Passed on as they are.
        [System.Collections.IDictionary] $Value = @{},

        # Words of a ValidateSet: PowerShell takes them in any case, the tool in lower case alone.
        [System.Collections.IDictionary] $Word = @{},

        # Paths, made absolute by PowerShell's own location: the process has another current folder.
        [System.Collections.IDictionary] $Path = @{}
    )

    $ErrorActionPreference = 'Stop'
    foreach ($name in $Value.Keys) {
        if ($Bound.ContainsKey($name)) {
            $Value[$name] + '=' + [string]$Bound[$name]
        }
    }
    foreach ($name in $Word.Keys) {
        if ($Bound.ContainsKey($name)) {
            $Word[$name] + '=' + $Bound[$name].ToLowerInvariant()
        }
    }
    foreach ($name in $Path.Keys) {
        if ($Bound.ContainsKey($name)) {
            $Path[$name] + '=' + $PSCmdlet.GetUnresolvedProviderPathFromPSPath($Bound[$name])
        }
    }
}
