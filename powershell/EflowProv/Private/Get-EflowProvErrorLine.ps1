function Get-EflowProvErrorLine {
    # What a program that failed said: its one `error: ` line without that word, else its last line.
    [CmdletBinding()]
    [OutputType([string])]
    param(
        [string[]] $Message
    )

    $errors = @($Message | Where-Object { $_ -clike 'error: *' })
    if ($errors.Count -gt 0) {
        return $errors[-1].Substring('error: '.Length)
    }
    $said = @($Message | Where-Object { $_.Trim() })
    if ($said.Count -gt 0) {
        return $said[-1].Trim()
    }
    'The program gave no reason.'
}
