/** Properties that a chart takes from style sheets and that a file must carry itself. */
const CARRIED = [
  'fill',
  'stroke',
  'stroke-width',
  'stroke-dasharray',
  'stroke-opacity',
  'fill-opacity',
  'opacity',
  'font-size',
  'text-anchor',
] as const;

interface ChartMarkup {
  readonly markup: string;
  /** CSS pixels. */
  readonly width: number;
  readonly height: number;
}

/** The SVG inside the element of this id with its computed colours written out; null where there is none. */
export const chartMarkup = (id: string): ChartMarkup | null => {
  const source = document.getElementById(id)?.querySelector<SVGSVGElement>('svg.recharts-surface, svg.chart-surface');
  if (source === null || source === undefined) return null;
  const copy = source.cloneNode(true);
  if (!(copy instanceof SVGSVGElement)) return null;
  const originals = source.querySelectorAll('*');
  copy.querySelectorAll('*').forEach((element, index) => {
    const original = originals[index];
    if (original === undefined) return;
    const style = getComputedStyle(original);
    for (const property of CARRIED) {
      const value = style.getPropertyValue(property);
      if (value !== '' && value !== 'none 0px') element.setAttribute(property, value);
    }
    element.removeAttribute('class');
    element.removeAttribute('style');
  });
  const { width, height } = source.getBoundingClientRect();
  copy.setAttribute('width', String(width));
  copy.setAttribute('height', String(height));
  copy.removeAttribute('style');
  copy.removeAttribute('class');
  return { markup: new XMLSerializer().serializeToString(copy), width, height };
};
