/** Why a filter cannot be used, without its place. */
export class FilterFault extends Error {
  readonly remedy: string;
  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'FilterFault';
    this.remedy = remedy;
  }
}
