/** An `openclaw` source of the configuration. */
export interface OpenClawOptions {
  readonly name: string;
  readonly url: string;
  readonly token_env?: string | undefined;
  readonly token_file?: string | undefined;
  readonly state_dir?: string | undefined;
  readonly time_zone?: string | undefined;
}
