import { z } from 'zod';
import { boundedRecord, shortName } from './bounds.ts';

/** A value that a user gives to a chat template (`enable_thinking`). */
export const templateVariable = z.union([z.boolean(), z.number(), shortName]);
const variableName = z.string().regex(/^[A-Za-z_]\w{0,63}$/, 'a name of letters, digits and _');

/** How models are asked through their own chat templates, beside the template's own rules. */
export const chatSettings = z.object({
  chatArgs: boundedRecord(variableName, templateVariable).optional(),
  /** Text or token that ends the thinking; '': texts are taken whole. Absent: the one that the template names. */
  thinkEnd: shortName.optional(),
});
export type ChatSettings = z.infer<typeof chatSettings>;
