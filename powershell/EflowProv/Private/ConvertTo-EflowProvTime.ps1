function ConvertTo-EflowProvTime {
    # An RFC 3339 time as a DateTime in UTC; $null when there is none. ConvertFrom-Json gives a DateTime for it in
    # PowerShell 7 and a string in Windows PowerShell 5.1.
    [CmdletBinding()]
    [OutputType([datetime])]
    param(
        [object] $Value
    )

    if ($Value -is [datetime]) {
        return $Value.ToUniversalTime()
    }
    if (-not $Value) {
        return $null
    }
    $styles = [System.Globalization.DateTimeStyles]'AssumeUniversal, AdjustToUniversal'
    [datetime]::Parse([string]$Value, [System.Globalization.CultureInfo]::InvariantCulture, $styles)
}
