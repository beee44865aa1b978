@{
    RootModule           = 'EflowProv.psm1'
    ModuleVersion        = '0.1.0'
    GUID                 = '4ae8b19d-ac43-4cc3-9136-b9c377fe5a1f'
    Author               = 'The eflowprov project'
    Copyright            = 'MIT licence'
    Description          = 'Brings an Azure IoT Edge for Linux on Windows (EFLOW) machine up with X.509 and DPS, and proves that it is ready. It calls the eflowprov program and returns objects.'
    PowerShellVersion    = '5.1'
    CompatiblePSEditions = @('Desktop', 'Core')
    FunctionsToExport    = @(
        'Get-EflowProvReadiness',
        'Install-EflowProv',
        'Invoke-EflowProvisioning',
        'New-EflowProvIdentity'
    )
    CmdletsToExport      = @()
    VariablesToExport    = @()
    AliasesToExport      = @()
    FormatsToProcess     = @('EflowProv.Format.ps1xml')
    PrivateData          = @{
        PSData = @{
            Tags = @('Azure', 'IoTEdge', 'EFLOW', 'DPS', 'X509')
        }
    }
}
