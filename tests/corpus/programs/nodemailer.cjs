const nodemailer = require("nodemailer");
const fs = require("fs");
const t = nodemailer.createTransport({ host: "127.0.0.1", port: Number(process.env.PORT), secure: false, ignoreTLS: true, name: "zegel.test" });
(async () => {
  await t.sendMail({ from: '"Klerk é" <clerk@zegel.test>', to: "jansen@example.test", subject: "Vergunning – été", text: fs.readFileSync("texts/brief.txt", "utf8"), messageId: "<node.1@zegel.test>" });
  await t.sendMail({ from: "clerk@zegel.test", to: ["a@example.test", "Raad, de <b@example.test>"], subject: "Nieuwsbrief", messageId: "<node.2@zegel.test>",
    text: fs.readFileSync("texts/long.txt", "utf8"), html: fs.readFileSync("texts/page.html", "utf8") + '<img src="cid:foto">',
    attachments: [{ filename: "sluis & brug – foto.png", path: "texts/zegel.png", cid: "foto" }, { filename: "lettre.txt", path: "texts/lettre.txt" }],
    icalEvent: { method: "REQUEST", content: "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:1@zegel.test\r\nDTSTAMP:20260302T090000Z\r\nDTSTART:20260312T090000Z\r\nSUMMARY:Afspraak\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n" } });
})();
