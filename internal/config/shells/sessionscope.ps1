# The completion of sessionscope for PowerShell. Put this line into the file that $PROFILE names, and open a new window:
# sessionscope completion powershell | Out-String | Invoke-Expression
# If sessionscope is not on PATH, write its path instead.

Register-ArgumentCompleter -Native -CommandName sessionscope -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commands = [ordered]@{
        'completion' = 'print the script with which SHELL completes flags and their values'
        'man' = 'print the manual page'
    }
    $arguments = @{
        'completion' = 'bash', 'zsh', 'fish', 'powershell'
    }
    $flags = [ordered]@{
        '--addr' = 'HOST:PORT to listen on'
        '--allow-host' = 'one more NAME or NAME:PORT that the Host header may carry'
        '--classroom' = 'open a class at the start, for phones on the same network'
        '--durability' = 'WHEN a write to SQLite is answered'
        '--help' = 'print these flags and commands'
        '--idle' = 'how long a session lives after its last write, a DURATION such as 30m'
        '--join-host' = 'NAME or address, also with a port, that a class shows first as the one to join at'
        '--lifetime' = 'how long a session lives at most, a DURATION'
        '--log-format' = 'FORMAT of the log'
        '--log-requests' = 'log one line a request'
        '--max-sessions' = 'NUMBER of sessions that the store holds'
        '--open' = 'open the browser'
        '--placement' = 'WHERE a new session''s values live'
        '--rolling' = 'reading extends the idle clock too'
        '--seats' = 'NUMBER of learners that a class has room for, at most 300'
        '--secret-file' = 'FILE of signing secrets, one a line, newest first, each at least 32 random bytes in base64 or hex'
        '--store' = 'WHERE records are kept'
        '--version' = 'print version, commit and Go version'
    }
    # The flags whose value may be the next word, those that may be given twice, and how values begin.
    $valued = '--addr', '--allow-host', '--durability', '--idle', '--join-host', '--lifetime', '--log-format', '--max-sessions', '--placement', '--seats', '--secret-file', '--store'
    $repeats = @('--allow-host')
    $values = @{
        '--classroom' = 'true', 'false'
        '--durability' = 'full', 'batched'
        '--log-format' = 'text', 'json'
        '--log-requests' = 'true', 'false'
        '--open' = 'true', 'false'
        '--placement' = 'cookie', 'hybrid', 'server'
        '--rolling' = 'true', 'false'
        '--store' = 'memory', 'sqlite', 'sqlite:', 'redis://', 'rediss://', 'unix://'
    }
    # What stands in a value before the name of a file.
    $files = @{
        '--secret-file' = ''
        '--store' = 'sqlite:', 'unix://'
    }

    $before = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.Extent.Text })
    $flag = ''
    $given = @()
    for ($i = 0; $i -lt $before.Count; $i++) {
        $given += $before[$i].Split('=')[0]
        if ($valued -contains $before[$i]) {
            $i++
            if ($i -eq $before.Count) { $flag = $before[$i - 1] }
        }
    }
    $lead = ''
    $value = "$wordToComplete"
    if (-not $flag -and $value -match '^(--[a-z-]+)=(.*)$') {
        $flag = $Matches[1]
        $value = $Matches[2]
        $lead = "$flag="
    }

    $offers = [ordered]@{}
    $found = @()
    if ($before.Count -gt 0 -and $commands.Contains($before[0])) {
        if ($before.Count -eq 1) {
            foreach ($word in $arguments[$before[0]]) { $offers[$word] = $word }
        }
    } elseif ($flag) {
        foreach ($word in $values[$flag]) { $offers[$word] = $word }
        foreach ($begin in $files[$flag]) {
            if (-not $value.StartsWith($begin, [System.StringComparison]::Ordinal)) { continue }
            foreach ($name in [System.Management.Automation.CompletionCompleters]::CompleteFilename($value.Substring($begin.Length))) {
                $found += [System.Management.Automation.CompletionResult]::new("$lead$begin" + $name.CompletionText, $name.ListItemText, $name.ResultType, $name.ToolTip)
            }
        }
    } else {
        if ($before.Count -eq 0) {
            foreach ($word in $commands.Keys) { $offers[$word] = $commands[$word] }
        }
        foreach ($word in $flags.Keys) {
            if ($given -notcontains $word -or $repeats -contains $word) { $offers[$word] = $flags[$word] }
        }
    }
    foreach ($word in $offers.Keys) {
        if ($word.StartsWith($value, [System.StringComparison]::Ordinal)) {
            $found += [System.Management.Automation.CompletionResult]::new("$lead$word", $word, 'ParameterValue', $offers[$word])
        }
    }
    # With no answer at all PowerShell would offer files.
    if ($found.Count -gt 0) { $found } else { '' }
}
