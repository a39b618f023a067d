//! Currencies as Stripe counts them.
//!
//! The lists are Stripe's (docs.stripe.com/currencies), not ISO 4217's: where the two differ in the number of
//! decimals, what an amount on the wire means is decided by Stripe.

/// Presentment currencies.
const KNOWN: &str = "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd \
    cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg \
    huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop \
    mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr \
    sek sgd shp sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xcg xof xpf \
    yer zar zmw";
const WITHOUT_DECIMALS: &str = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf";
const WITH_THREE_DECIMALS: &str = "bhd jod kwd omr tnd";

fn listed(list: &str, currency: &str) -> bool {
    list.split_ascii_whitespace().any(|code| code == currency)
}

/// Whether Stripe charges in `currency` (lower-case ISO code).
pub(super) fn is_known(currency: &str) -> bool {
    listed(KNOWN, currency)
}

/// `5000, "eur"` → `50.00 EUR`; amounts are in the minor unit, as on Stripe's wire.
pub(super) fn format(amount: i64, currency: &str) -> String {
    let decimals = if listed(WITHOUT_DECIMALS, currency) {
        0
    } else if listed(WITH_THREE_DECIMALS, currency) {
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
    fn amounts_have_their_currencys_decimals() {
        assert_eq!(format(5000, "eur"), "50.00 EUR");
        assert_eq!(format(5, "usd"), "0.05 USD");
        assert_eq!(format(5000, "jpy"), "5000 JPY");
        assert_eq!(format(5000, "kwd"), "5.000 KWD");
        assert_eq!(format(-1250, "eur"), "-12.50 EUR");
    }

    #[test]
    fn only_real_currencies_are_known() {
        assert!(is_known("eur") && is_known("zmw"));
        assert!(!is_known("xxx") && !is_known("EUR") && !is_known(""));
    }
}
