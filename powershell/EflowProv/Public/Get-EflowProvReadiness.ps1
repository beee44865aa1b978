function Get-EflowProvReadiness {
    <#
    .SYNOPSIS
    Asks the EFLOW VM whether the device is ready, and returns the readiness report as an object.

    .DESCRIPTION
    Runs `eflowprov verify`, which runs iotedge list, iotedge check, iotedge system logs and iotedge system status in
    the VM and judges what they say.

    A device that is not ready gives the object and a non-terminating error with the id EflowProv.NotReady, whose
    target is the same object. When it could not be found out (exit status 3), the error is terminating and its id is
    EflowProv.Unknown; a report that says which evidence is missing is then the error's target. Wrong usage is
    EflowProv.Usage, an interruption EflowProv.Interrupted. The exit status of the tool stands in the object's
    ExitStatus and in the error's Exception.Data['ExitStatus'].

    .PARAMETER Channel
    The way into the VM: auto (ssh where this EFLOW has it, else cmdlet), ssh, or cmdlet (Invoke-EflowVmCommand).

    .PARAMETER Ssh
    HOST or HOST:PORT of the VM's SSH server, or hvsocket:VMID for the one behind a Hyper-V socket.

    .PARAMETER SshUser
    The user in the VM; iotedge-user unless told otherwise.

    .PARAMETER SshKey
    The private key file for SSH.

    .PARAMETER KnownHosts
    The file with the host keys that are trusted.

    .PARAMETER AcceptNewHostKey
    Trusts the VM's host key the first time it is seen, and pins it.

    .PARAMETER Expect
    new (a device without a deployment is fine) or deployed (it is not ready).

    .PARAMETER Since
    How far back the logs are read: 30m, 1h, 2d.

    .PARAMETER Timeout
    Deadline for all commands together, in seconds.

    .PARAMETER From
    A folder with saved outputs, judged in place of a VM.

    .EXAMPLE
    Get-EflowProvReadiness

    The verdict for the EFLOW VM of this machine, as a table.

    .EXAMPLE
    (Get-EflowProvReadiness -Ssh 172.27.120.111 -SshKey .\id_ed25519).Findings | Where-Object Outcome -eq 'fail'

    Every failed finding, with its detail and its remedy.

    .EXAMPLE
    try { Get-EflowProvReadiness -Expect deployed -ErrorAction Stop; exit 0 } catch { exit $_.Exception.Data['ExitStatus'] }

    For a scheduled task: ends with the tool's exit status.
    #>
    [CmdletBinding()]
    [OutputType('EflowProv.Readiness')]
    param(
        [ValidateSet('auto', 'ssh', 'cmdlet')]
        [string] $Channel,

        [string] $Ssh,

        [string] $SshUser,

        [string] $SshKey,

        [string] $KnownHosts,

        [switch] $AcceptNewHostKey,

        [ValidateSet('new', 'deployed')]
        [string] $Expect,

        [string] $Since,

        [ValidateRange(1, 86400)]
        [int] $Timeout,

        [string] $From
    )

    try {
        $value = [ordered]@{ Ssh = '--ssh'; SshUser = '--ssh-user'; Since = '--since'; Timeout = '--timeout' }
        $word = [ordered]@{ Channel = '--channel'; Expect = '--expect' }
        $path = [ordered]@{ SshKey = '--ssh-key'; KnownHosts = '--known-hosts'; From = '--from' }
        $flags = @(ConvertTo-EflowProvFlag -Bound $PSBoundParameters -Value $value -Word $word -Path $path)
        if ($AcceptNewHostKey) {
            $flags += '--accept-new-host-key'
        }
        $answer = Invoke-EflowProvTool -Activity 'eflowprov verify' -ArgumentList (@('verify') + $flags + '--format=json')
        $readiness = ConvertFrom-EflowProvAnswer -Answer $answer
    }
    catch {
        $PSCmdlet.ThrowTerminatingError($_)
    }
    $readiness
    if ($readiness.ExitStatus -eq 1) {
        $why = Get-EflowProvReason -Readiness $readiness -Outcome 'fail'
        $PSCmdlet.WriteError((ConvertTo-EflowProvError -ExitStatus 1 -Message $why -TargetObject $readiness))
    }
}
