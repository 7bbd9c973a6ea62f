// The other side of nexo, by Adyen's own library: `terminal` serves the driver, `register` drives the simulated terminal.
// It prints what it read, one JSON object a line.
const https = require("node:https");
const fs = require("node:fs");
const library = process.env.LIBRARY;
const NexoCrypto = require(`${library}/lib/src/security/nexoCrypto.js`).default;
const key = { AdyenCryptoVersion: 1, KeyIdentifier: "hub", KeyVersion: 1, Passphrase: process.env.PASSPHRASE };
const tell = (value) => process.stdout.write(JSON.stringify(value) + "\n");
const open = (secured) => JSON.parse(new NexoCrypto().decrypt(secured, key));
const [mode, ...rest] = process.argv.slice(2);

if (mode === "terminal") {
  const [keyFile, certificateFile] = rest;
  const answers = {
    Login: () => ({ Response: { Result: "Success" } }),
    Diagnosis: () => ({ Response: { Result: "Success" }, POIStatus: { GlobalStatus: "OK" } }),
    TransactionStatus: () => ({ Response: { Result: "Failure", ErrorCondition: "NotFound" } }),
    Payment: (request) => ({
      Response: { Result: "Success" },
      POIData: { POITransactionID: { TransactionID: "adyen1", TimeStamp: "2026-11-28T10:00:00.000Z" } },
      PaymentResult: { AmountsResp: {
        Currency: request.PaymentTransaction.AmountsReq.Currency,
        AuthorizedAmount: request.PaymentTransaction.AmountsReq.RequestedAmount,
      } },
    }),
  };
  const options = { key: fs.readFileSync(keyFile), cert: fs.readFileSync(certificateFile) };
  const server = https.createServer(options, (request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const inner = open(JSON.parse(Buffer.concat(chunks)).SaleToPOIRequest).SaleToPOIRequest;
      const header = { ...inner.MessageHeader, MessageType: "Response" };
      const category = header.MessageCategory;
      tell(inner);
      const body = { MessageHeader: header, [`${category}Response`]: answers[category](inner[`${category}Request`]) };
      const sealed = NexoCrypto.encrypt(header, JSON.stringify({ SaleToPOIResponse: body }), key);
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ SaleToPOIResponse: sealed }));
    });
  });
  server.listen(0, "127.0.0.1", () => tell({ port: server.address().port }));
} else {
  const [port, poiId] = rest;
  const ask = (category, serviceId, body) => new Promise((resolve, reject) => {
    const header = {
      ProtocolVersion: "3.0", MessageClass: "Service", MessageCategory: category, MessageType: "Request",
      ServiceID: serviceId, SaleID: "store-hub", POIID: poiId,
    };
    const inner = { SaleToPOIRequest: { MessageHeader: header, [`${category}Request`]: body } };
    const sealed = JSON.stringify({ SaleToPOIRequest: NexoCrypto.encrypt(header, JSON.stringify(inner), key) });
    const options = { host: "127.0.0.1", port, path: "/nexo", method: "POST", rejectUnauthorized: false, agent: false,
      headers: { "content-type": "application/json", "content-length": Buffer.byteLength(sealed) } };
    const request = https.request(options, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => resolve(open(JSON.parse(Buffer.concat(chunks)).SaleToPOIResponse).SaleToPOIResponse));
    });
    request.on("error", reject);
    request.end(sealed);
  });
  (async () => {
    await ask("Login", "L1", {});
    const amounts = { Currency: "USD", RequestedAmount: 12.34 };
    const sale = { SaleTransactionID: { TransactionID: "T1", TimeStamp: "2026-11-28T10:00:00.000Z" } };
    tell(await ask("Payment", "P1", { SaleData: sale, PaymentTransaction: { AmountsReq: amounts } }));
    const reference = { MessageCategory: "Payment", ServiceID: "P1", SaleID: "store-hub", POIID: poiId };
    tell(await ask("TransactionStatus", "S1", { MessageReference: reference }));
  })().catch((error) => { console.error(error); process.exit(1); });
}
