export type ThemeName = 'light' | 'dark';

/** How a figure calls a task. */
export type TaskNaming = (task: string) => string;
const byName: TaskNaming = (task) => task;

/** `page`: colours are custom properties of the HTML page around the figure, so that it follows the page's theme. */
export interface FigureTheme {
  readonly name: ThemeName | 'page';
  readonly background: string;
  readonly ink: string;
  readonly muted: string;
  readonly grid: string;
  /** A cell without a value: an expert that no token chose has no mean. */
  readonly absent: string;
  readonly task: TaskNaming;
}

const themes: Readonly<Record<ThemeName, FigureTheme>> = {
  light: {
    name: 'light',
    background: '#ffffff',
    ink: '#1a1d21',
    muted: '#5a616b',
    grid: '#e2e5e9',
    absent: '#d5d8dc',
    task: byName,
  },
  dark: {
    name: 'dark',
    background: '#16181c',
    ink: '#e9ebee',
    muted: '#a6adb7',
    grid: '#30343b',
    absent: '#4a4f57',
    task: byName,
  },
};

type ThemeColor = Exclude<keyof FigureTheme, 'name' | 'task'>;
const propertyOf = (color: ThemeColor): string => `--figure-${color}`;
const reference = (color: ThemeColor): string => `var(${propertyOf(color)})`;

/** Colours of a figure inside an HTML page that defines `pageColors` for its light and its dark theme. */
export const pageTheme: FigureTheme = {
  name: 'page',
  background: reference('background'),
  ink: reference('ink'),
  muted: reference('muted'),
  grid: reference('grid'),
  absent: reference('absent'),
  task: byName,
};

/** Custom properties (name, value) that `pageTheme` refers to. */
export const pageColors = (name: ThemeName): readonly (readonly [property: string, value: string])[] => {
  const { background, ink, muted, grid, absent } = themes[name];
  const colors: readonly (readonly [ThemeColor, string])[] = [
    ['background', background],
    ['ink', ink],
    ['muted', muted],
    ['grid', grid],
    ['absent', absent],
  ];
  return colors.map(([color, value]) => [propertyOf(color), value]);
};

/** Colours of a figure; text on background has a contrast of at least 5.9 (WCAG AA) in both. `task`: default, names. */
export const figureTheme = (name: ThemeName, task?: TaskNaming): FigureTheme =>
  task === undefined ? themes[name] : { ...themes[name], task };
