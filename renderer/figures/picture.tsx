import type { Drawing } from '../../main/figures/svg.ts';

/** A drawn figure, as it is saved. */
export const Picture = ({ drawing: { svg, width, height, title, description } }: { readonly drawing: Drawing }) => (
  <img
    className="axis-figure"
    width={width}
    height={height}
    alt={`${title}. ${description}`}
    src={`data:image/svg+xml,${encodeURIComponent(svg)}`}
  />
);
