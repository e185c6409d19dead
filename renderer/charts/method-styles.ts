/** How a method is drawn: colours of Okabe and Ito's colour-blind-safe set, and a dash and a marker of its own. */
export interface MethodStyle {
  readonly color: { readonly light: string; readonly dark: string };
  readonly dash: string;
  readonly marker: Marker;
}
export type Marker = 'circle' | 'square' | 'triangle' | 'diamond' | 'cross' | 'down';

const styles: Readonly<Record<string, MethodStyle>> = {
  random: { color: { light: '#6b6f76', dark: '#a3a8b0' }, dash: '2 3', marker: 'circle' },
  frequency: { color: { light: '#b86e00', dark: '#f0a830' }, dash: '6 3', marker: 'square' },
  reap: { color: { light: '#0068a8', dark: '#5ab4ee' }, dash: '', marker: 'triangle' },
  uncurl: { color: { light: '#008060', dark: '#2cc39a' }, dash: '8 3 2 3', marker: 'diamond' },
};
const others: readonly MethodStyle[] = [
  { color: { light: '#a34a80', dark: '#dd8fbb' }, dash: '4 2', marker: 'cross' },
  { color: { light: '#a84400', dark: '#f08050' }, dash: '10 3', marker: 'down' },
];

/** Style of a method; methods that the window does not know share the last styles in turn. */
export const methodStyle = (method: string, order: number): MethodStyle =>
  styles[method] ?? others[order % others.length] ?? { color: { light: '#444444', dark: '#cccccc' }, dash: '', marker: 'circle' };

/** SVG path of a marker of radius `r` about (x, y). */
export const markerPath = (marker: Marker, x: number, y: number, r: number): string => {
  switch (marker) {
    case 'circle':
      return `M${x - r},${y}a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0Z`;
    case 'square':
      return `M${x - r * 0.9},${y - r * 0.9}h${1.8 * r}v${1.8 * r}h${-1.8 * r}Z`;
    case 'triangle':
      return `M${x},${y - 1.2 * r}L${x + 1.1 * r},${y + 0.8 * r}H${x - 1.1 * r}Z`;
    case 'down':
      return `M${x},${y + 1.2 * r}L${x + 1.1 * r},${y - 0.8 * r}H${x - 1.1 * r}Z`;
    case 'diamond':
      return `M${x},${y - 1.25 * r}L${x + 1.25 * r},${y}L${x},${y + 1.25 * r}L${x - 1.25 * r},${y}Z`;
    case 'cross':
      return `M${x - r},${y - r}L${x + r},${y + r}M${x + r},${y - r}L${x - r},${y + r}`;
  }
};
