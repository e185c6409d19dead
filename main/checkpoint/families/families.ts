import type { Family } from './family.ts';
import { mixtral } from './mixtral.ts';

/** Every family that can be opened. */
export const families: readonly Family[] = [mixtral];

export const familyOf = (modelType: string): Family | undefined => families.find((family) => family.modelType === modelType);
