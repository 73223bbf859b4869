declare module 'virtual:texts' {
  /** Loads the texts of `group/language`. */
  const loaders: Record<string, () => Promise<{ default: Record<string, unknown> }>>;
  export default loaders;
}
