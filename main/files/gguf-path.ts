/** Whether a model's path is that of a GGUF file rather than of a folder. */
export const isGgufPath = (model: string): boolean => model.toLowerCase().endsWith('.gguf');
