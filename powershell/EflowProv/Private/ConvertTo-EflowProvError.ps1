function ConvertTo-EflowProvError {
    # The ErrorRecord for an exit status of the tool. The status also stands in Exception.Data['ExitStatus'].
    [CmdletBinding()]
    [OutputType([System.Management.Automation.ErrorRecord])]
    param(
        [int] $ExitStatus,
        [string] $Message,
        [object] $TargetObject,
        [string] $ErrorId
    )

    switch ($ExitStatus) {
        1 { $id = 'EflowProv.NotReady'; $category = 'InvalidResult' }
        2 { $id = 'EflowProv.Usage'; $category = 'InvalidArgument' }
        130 { $id = 'EflowProv.Interrupted'; $category = 'OperationStopped' }
        default { $id = 'EflowProv.Unknown'; $category = 'ConnectionError' }
    }
    if ($ErrorId) {
        $id = $ErrorId
    }
    $exception = New-Object System.InvalidOperationException $Message
    $exception.Data['ExitStatus'] = $ExitStatus
    New-Object System.Management.Automation.ErrorRecord $exception, $id, $category, $TargetObject
}
