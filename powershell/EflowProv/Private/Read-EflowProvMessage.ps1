function Read-EflowProvMessage {
    # Returns the lines of a running program's standard error, and shows each as progress while it runs. It asks
    # again and again in place of an event handler: in Windows PowerShell 5.1 a script block that .NET calls on another
    # thread waits for this one, and this one for it.
    [CmdletBinding()]
    [OutputType([string])]
    param(
        [System.IO.StreamReader] $Reader,
        [string] $Activity
    )

    $next = $Reader.ReadLineAsync()
    while ($true) {
        # 100 ms: so long may Ctrl-C take to be seen.
        if (-not $next.Wait(100)) {
            continue
        }
        $line = $next.Result
        if ($null -eq $line) {
            break
        }
        $line
        $text = ($line -replace '[\x00-\x1f\x7f-\x9f]+', ' ').Trim()
        if ($text) {
            Write-Verbose -Message $text
            # 200 characters: more than a console's line, and cheap when a line is huge.
            Write-Progress -Activity $Activity -Status ($text.Substring(0, [Math]::Min(200, $text.Length)))
        }
        $next = $Reader.ReadLineAsync()
    }
    Write-Progress -Activity $Activity -Completed
}
