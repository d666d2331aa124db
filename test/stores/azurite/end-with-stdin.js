// Loaded before Azurite: it ends when its standard input does, also where the test
// that started it was killed.
process.stdin.resume().on('end', () => process.exit());
