"""Networks that carry very much wanted mail: to block an address there hits more than one sender.

By the number of the autonomous system that sends their customers' mail, as RIPE, ARIN and APNIC list them. Not in it:
hosting companies, whose addresses are one customer's each."""

PROVIDERS = {
    15169: "Google (Gmail, Workspace)",
    8075: "Microsoft (Outlook, Exchange Online)",
    8068: "Microsoft (Outlook, Exchange Online)",
    26101: "Yahoo",
    10310: "Yahoo",
    36646: "Yahoo",
    36647: "Yahoo",
    34010: "Yahoo",
    714: "Apple (iCloud)",
    6185: "Apple (iCloud)",
    62371: "Proton",
    11377: "Twilio SendGrid",
    14782: "Mailchimp",
    396479: "Mailgun",
    23528: "SparkPost",
    45062: "NetEase (163.com)",
    13238: "Yandex",
    47764: "VK (Mail.ru)",
    2639: "Zoho",
    22843: "Proofpoint",
    26211: "Proofpoint",
    52129: "Proofpoint",
    30031: "Mimecast",
    22606: "Salesforce Marketing Cloud",
    14340: "Salesforce",
    29873: "Newfold (shared mail hosting)",
    29169: "Gandi (shared mail hosting)",
    8560: "IONOS (GMX, WEB.DE, shared mail hosting)",
}
