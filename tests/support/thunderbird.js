// What somebody does at a Thunderbird, in its own services. Each test's line stands behind this.

const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const { setTimeout } = ChromeUtils.importESModule("resource://gre/modules/Timer.sys.mjs");

const implementing = (names, methods) =>
  ({ QueryInterface: ChromeUtils.generateQI(names), ...methods });
const create = (contract, kind) => Cc[contract].createInstance(kind);
const pane = () => Services.wm.getMostRecentWindow("mail:3pane").msgWindow;

/** Wait up to 20 s until `what` returns something true; return it. */
async function until(what) {
  for (let tries = 200; tries > 0; tries--) {
    const found = await what();
    if (found) return found;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`waited in vain: ${what}`);
}

/** Start something that reports its end to a listener; wait for a good end. */
function finished(start) {
  return new Promise((done, fail) => {
    const end = (status) => (status ? fail(new Error(`status ${status}`)) : done());
    start(implementing(["nsIUrlListener", "nsIMsgCopyServiceListener"], {
      OnStartRunningUrl() {}, OnStopRunningUrl: (_, status) => end(status),
      onStartCopy() {}, onProgress() {}, setMessageKey() {}, getMessageId() {}, onStopCopy: end,
    }));
  });
}

/** Enter an account as the assistant does: IMAP and submission, both over TLS. */
async function enter(address, password, imap, smtp, ca) {
  const database = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
  const certificate = database.constructX509FromBase64(ca);
  const overrides =
    Cc["@mozilla.org/security/certoverride;1"].getService(Ci.nsICertOverrideService);
  for (const [scheme, port] of [["imap", imap], ["smtp", smtp]]) {
    overrides.rememberValidityOverride("localhost", port, {}, certificate, false);
    const login = create("@mozilla.org/login-manager/loginInfo;1", Ci.nsILoginInfo);
    const origin = `${scheme}://localhost`;
    login.init(origin, null, origin, address, password, "", "");
    await Services.logins.addLoginAsync(login);
  }
  const incoming = MailServices.accounts.createIncomingServer(address, "localhost", "imap");
  const outgoing =
    MailServices.outgoingServer.createServer("smtp").QueryInterface(Ci.nsISmtpServer);
  outgoing.hostname = "localhost";
  outgoing.username = address;
  for (const [server, port] of [[incoming, imap], [outgoing, smtp]]) {
    server.port = port;
    server.socketType = Ci.nsMsgSocketType.SSL;
    server.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
  }
  const identity = MailServices.accounts.createIdentity();
  identity.email = address;
  identity.fullName = "Somebody";
  identity.smtpServerKey = outgoing.key;
  identity.composeHtml = false;
  const account = MailServices.accounts.createAccount();
  account.incomingServer = incoming;
  account.addIdentity(identity);
  mailbox("INBOX").updateFolder(pane());
  await until(() => root().subFolders.length >= 6);
}

const root = () => MailServices.accounts.allServers.find((each) => each.type == "imap").rootFolder;
const mailbox = (name) => root().subFolders.find((each) => each.name == name);
const flags = () => Object.fromEntries(root().subFolders.map((each) => [each.name, each.flags]));
const headers = (name) => [...mailbox(name).messages];
const subjects = (name) => headers(name).map((each) => each.mime2DecodedSubject).sort();

function refresh(name) {
  const folder = mailbox(name).QueryInterface(Ci.nsIMsgImapMailFolder);
  return finished((listener) => folder.getNewMessages(pane(), listener));
}

/** Read, flag and label the first message of a mailbox, and move it to a new one. */
async function file(name, to) {
  const from = mailbox(name);
  const first = headers(name).slice(0, 1);
  from.markMessagesRead(first, true);
  from.markMessagesFlagged(first, true);
  from.addKeywordsToMessages(first, "$label1");
  root().createSubfolder(to, null);
  const folder = await until(() => mailbox(to));
  const before = headers(name).length;
  await finished((listener) =>
    MailServices.copy.copyMessages(from, first, folder, true, listener, null, false));
  await until(() => headers(name).length == before - 1);
}

/** Return the source of the first message of a mailbox, a character an octet. */
function source(name) {
  const uri = mailbox(name).getUriForMsg(headers(name)[0]);
  return new Promise((done) => {
    let text = "";
    const listener = implementing(["nsIStreamListener"], {
      onStartRequest() {},
      onDataAvailable(_, stream, offset, count) {
        const input = create("@mozilla.org/binaryinputstream;1", Ci.nsIBinaryInputStream);
        input.setInputStream(stream);
        text += input.readBytes(count);
      },
      onStopRequest: () => done(text),
    });
    const service = MailServices.messageServiceFromURI(uri);
    service.streamMessage(uri, listener, null, null, false, "", false);
  });
}

/** Have the server search the bodies of a mailbox; return the subjects found. */
function search(name, word) {
  const session = create("@mozilla.org/messenger/searchSession;1", Ci.nsIMsgSearchSession);
  session.addScopeTerm(Ci.nsMsgSearchScope.onlineMail, mailbox(name));
  const term = session.createTerm();
  const value = term.value;
  term.attrib = value.attrib = Ci.nsMsgSearchAttrib.Body;
  value.str = word;
  term.value = value;
  term.op = Ci.nsMsgSearchOp.Contains;
  session.appendTerm(term);
  return new Promise((done) => {
    const hits = [];
    session.registerListener(implementing(["nsIMsgSearchNotify"], {
      onNewSearch() {},
      onSearchHit: (header) => hits.push(header.mime2DecodedSubject),
      onSearchDone: () => done(hits),
    }));
    session.search(null);
  });
}

/** Write and send a letter, with a copy in Sent. */
async function send(to, subject, body) {
  const identity = MailServices.accounts.allIdentities[0];
  identity.fccFolderURI = mailbox("Sent").URI;
  identity.doFcc = true;
  const fields = create("@mozilla.org/messengercompose/composefields;1", Ci.nsIMsgCompFields);
  Object.assign(fields, { from: identity.email, to, subject, body });
  const given = create("@mozilla.org/messengercompose/composeparams;1", Ci.nsIMsgComposeParams);
  given.composeFields = fields;
  given.identity = identity;
  const composing = create("@mozilla.org/messengercompose/compose;1", Ci.nsIMsgCompose);
  composing.initialize(given);
  await composing.sendMsg(Ci.nsIMsgSend.nsMsgDeliverNow, identity, "", null, null);
}
