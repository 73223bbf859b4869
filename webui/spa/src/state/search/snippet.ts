/** Search snippets as pieces of text: the server's marks become pieces, never elements; pure. */
export interface Piece {
  text: string;
  isHit: boolean;
}

const ENTITIES: Record<string, string> = {
  amp: '&', lt: '<', gt: '>', quot: '"', '#x27': "'", '#39': "'",
}; // prettier-ignore

/** Reads a snippet (RFC 8621 §5.1): text with entities, and `<mark>` around what was found. */
export function piecesOf(snippet: string | null): Piece[] {
  if (snippet === null) return [];
  return snippet
    .split(/(<mark>.*?<\/mark>)/s)
    .filter(Boolean)
    .map((part) => {
      const hit = /^<mark>(.*)<\/mark>$/s.exec(part);
      return { text: plain(hit?.[1] ?? part), isHit: hit !== null };
    });
}

function plain(text: string): string {
  return text.replace(/&(#?\w+);/g, (whole, name: string) => ENTITIES[name.toLowerCase()] ?? whole);
}
