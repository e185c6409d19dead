interface Inks {
  /** Colour of a cell without a value. */
  readonly absent: string;
  readonly ink: string;
  readonly mutedInk: string;
  readonly surface: string;
  readonly font: string;
}

const known = new Map<string, Inks>();

/**
 * Colours and font of the style sheets for canvases. Read once for each theme: reading them makes the browser compute
 * the styles of the whole page at once, before anything is painted.
 */
export const themeInks = (): Inks => {
  const theme = document.documentElement.dataset['theme'] ?? '';
  const found = known.get(theme);
  if (found !== undefined) return found;
  const style = getComputedStyle(document.body);
  const color = (name: string): string => style.getPropertyValue(name).trim();
  const inks = {
    absent: color('--border-strong'),
    ink: color('--text'),
    mutedInk: color('--text-muted'),
    surface: color('--surface'),
    font: style.fontFamily,
  };
  known.set(theme, inks);
  return inks;
};
