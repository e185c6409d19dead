import { join } from 'node:path';

/** Folder, among the resources, of the finished sweep that comes with the workbench. */
export const sampleFolder = (resources: string): string => join(resources, 'sample', 'run');

export const COMPRESSED = '.gz';

/** Whether a file of a run is shipped compressed: profiles, and what only programs read. Outcomes are compressed already. */
export const isShippedCompressed = (name: string): boolean => name.endsWith('.safetensors') || name === 'plans.json' || name === 'points.json';
