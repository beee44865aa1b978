function Invoke-EflowProvProcess {
    # Runs a program to its end: exit status, standard output, and the lines of standard error, together.
    [CmdletBinding()]
    [OutputType('EflowProv.Answer')]
    param(
        [string] $FilePath,
        [string[]] $ArgumentList,
        [string] $Activity
    )

    $ErrorActionPreference = 'Stop'
    $start = Get-EflowProvStartInfo -FilePath $FilePath -ArgumentList $ArgumentList
    try {
        $process = [System.Diagnostics.Process]::Start($start)
    }
    catch {
        $why = $_.Exception.GetBaseException().Message
        throw (ConvertTo-EflowProvError -ExitStatus 3 -ErrorId 'EflowProv.NotInstalled' -Message "$FilePath cannot be started: $why")
    }
    try {
        $process.StandardInput.Close()
        $output = $process.StandardOutput.ReadToEndAsync()
        $messages = @(Read-EflowProvMessage -Reader $process.StandardError -Activity $Activity)
        $process.WaitForExit()
        [pscustomobject]@{
            PSTypeName = 'EflowProv.Answer'
            ExitStatus = $process.ExitCode
            Output     = $output.Result
            Messages   = $messages
        }
    }
    finally {
        # After Ctrl-C the program, which had it too, has five seconds to clean up behind itself.
        if (-not $process.HasExited -and -not $process.WaitForExit(5000)) {
            $process.Kill()
        }
        $process.Dispose()
    }
}
