function ConvertFrom-EflowProvFinding {
    # One finding of the report as an EflowProv.Finding object.
    [CmdletBinding()]
    [OutputType('EflowProv.Finding')]
    param(
        [object] $Finding
    )

    [pscustomobject]@{
        PSTypeName = 'EflowProv.Finding'
        Id         = [string]$Finding.id
        Title      = [string]$Finding.title
        Outcome    = [string]$Finding.outcome
        Detail     = [string]$Finding.detail
        Remedy     = [string]$Finding.remedy
    }
}
