"""Where a prop starts: functions ``(options, generator) -> SplatCloud``; one generator, one seed, one cloud."""
