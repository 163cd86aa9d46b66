/**
 * uPlot asks Intl for `navigator.language` when it is loaded. Some systems give one that is
 * no language tag (`en-US@posix`), on which Intl throws: put a valid one in its place, before
 * uPlot is imported.
 */
try {
  Intl.getCanonicalLocales(navigator.language);
} catch {
  Object.defineProperty(navigator, 'language', { value: 'en', configurable: true });
}
