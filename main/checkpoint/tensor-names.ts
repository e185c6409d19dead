/** A family's pattern with its layer filled in. */
export const layerName = (pattern: string, layer: number): string => pattern.replace('{l}', String(layer));

/** Name of the bias beside a weight. */
export const biasName = (weight: string): string => weight.replace(/\.weight$/, '.bias');
