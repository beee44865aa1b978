function Invoke-EflowProvStep {
    # Runs one step of the installation, and throws EflowProv.InstallFailed with the program's own words when it fails.
    [CmdletBinding()]
    [OutputType([string])]
    param(
        [string] $FilePath,
        [string[]] $ArgumentList
    )

    $ErrorActionPreference = 'Stop'
    $answer = Invoke-EflowProvProcess -FilePath $FilePath -ArgumentList $ArgumentList -Activity 'Installing eflowprov'
    if ($answer.ExitStatus -ne 0) {
        # Standard error behind standard output: the last line then is an error's, when there is one.
        $why = Get-EflowProvErrorLine -Message (@($answer.Output -split '\r?\n') + $answer.Messages)
        $message = "$FilePath ended with status $($answer.ExitStatus): $why Put that right and run Install-EflowProv again."
        throw (ConvertTo-EflowProvError -ExitStatus 3 -ErrorId 'EflowProv.InstallFailed' -Message $message)
    }
    $answer.Output
}
