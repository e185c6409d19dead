/** Why a template cannot be used or rendered, without its place: whoever knows file and row makes a refusal of it. */
export class TemplateFault extends Error {
  readonly remedy: string;
  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TemplateFault';
    this.remedy = remedy;
  }
}

/** raise_exception() of a chat template: it refuses the conversation itself. */
export class TemplateRaised extends TemplateFault {
  constructor(message: string) {
    super(`it refuses the conversation: ${message}`, 'Ask without what it does not take, or without --chat.');
    this.name = 'TemplateRaised';
  }
}
