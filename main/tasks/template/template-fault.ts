/** Why a template cannot be used or rendered, without its place: whoever knows file and row makes a refusal of it. */
export class TemplateFault extends Error {
  readonly remedy: string;
  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TemplateFault';
    this.remedy = remedy;
  }
}
