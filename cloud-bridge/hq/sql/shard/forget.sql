DELETE FROM worker WHERE until_ms < $1
