//! The currencies that Stripe supports, and their number of decimals.
//!
//! The lists are Stripe's (docs.stripe.com/currencies), not those of ISO 4217. The two differ for some currencies, and
//! Stripe's number of decimals decides what an amount in its API means.

/// Lists the presentment currencies of Stripe.
const SUPPORTED: &str = "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd \
    cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg \
    huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop \
    mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr \
    sek sgd shp sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xcg xof xpf \
    yer zar zmw";
const ZERO_DECIMAL: &str = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf";
const THREE_DECIMAL: &str = "bhd jod kwd omr tnd";
/// Lists the currencies that have two decimals in the API, of which the account cannot charge fractions.
const NO_FRACTIONS: &str = "isk ugx";
/// Lists the minimum charges for an account that settles in the currency of the charge. Stripe publishes none for others.
const MINIMUM_CHARGES: &str = "aed=200 ars=50 aud=50 brl=50 cad=50 chf=50 cop=50 czk=1500 dkk=250 eur=50 gbp=30 hkd=400 \
    huf=17500 idr=50 ils=50 inr=50 jpy=50 krw=50 mxn=1000 myr=200 nok=300 nzd=50 php=50 pln=200 ron=200 rub=50 sek=300 \
    sgd=50 thb=1000 usd=50 zar=50";

fn contains_currency(list: &str, currency: &str) -> bool {
    list.split_ascii_whitespace().any(|code| code == currency)
}

/// Whether Stripe supports `currency`, a lower-case ISO code.
pub(super) fn is_supported(currency: &str) -> bool {
    contains_currency(SUPPORTED, currency)
}

/// Returns the least amount that Stripe charges in `currency`; 1 if it publishes none.
pub(super) fn minimum_charge(currency: &str) -> i64 {
    let entries = MINIMUM_CHARGES
        .split_ascii_whitespace()
        .filter_map(|entry| entry.split_once('='));
    let mut minimum = entries.filter(|(code, _)| *code == currency);
    minimum
        .next()
        .and_then(|(_, amount)| amount.parse().ok())
        .unwrap_or(1)
}

/// Returns the amount of which a charge in `currency` must be a multiple.
pub(super) fn charge_step(currency: &str) -> i64 {
    if contains_currency(NO_FRACTIONS, currency) {
        100
    } else if contains_currency(THREE_DECIMAL, currency) {
        10
    } else {
        1
    }
}

/// Formats an amount in the currency's minor unit for people: `5000, "eur"` becomes `50.00 EUR`.
pub(super) fn format_amount(amount: i64, currency: &str) -> String {
    let decimals = if contains_currency(ZERO_DECIMAL, currency) {
        0
    } else if contains_currency(THREE_DECIMAL, currency) {
        3
    } else {
        2
    };
    let unit = 10_u64.pow(decimals);
    let (sign, amount) = (if amount < 0 { "-" } else { "" }, amount.unsigned_abs());
    let code = currency.to_uppercase();
    match decimals {
        0 => format!("{sign}{amount} {code}"),
        _ => format!(
            "{sign}{}.{:0width$} {code}",
            amount / unit,
            amount % unit,
            width = decimals as usize
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amount_is_formatted_with_currency_decimals() {
        assert_eq!(format_amount(5000, "eur"), "50.00 EUR");
        assert_eq!(format_amount(5, "usd"), "0.05 USD");
        assert_eq!(format_amount(5000, "jpy"), "5000 JPY");
        assert_eq!(format_amount(5000, "kwd"), "5.000 KWD");
        assert_eq!(format_amount(-1250, "eur"), "-12.50 EUR");
    }

    #[test]
    fn minimum_and_step_depend_on_the_currency() {
        assert_eq!(
            ["usd", "huf", "zar", "clp"].map(minimum_charge),
            [50, 17_500, 50, 1]
        );
        assert_eq!(["isk", "kwd", "eur", "jpy"].map(charge_step), [100, 10, 1, 1]);
    }

    #[test]
    fn unknown_or_upper_case_currency_is_not_supported() {
        assert!(is_supported("eur") && is_supported("zmw"));
        assert!(!is_supported("xxx") && !is_supported("EUR") && !is_supported(""));
    }
}
