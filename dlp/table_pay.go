package dlp

// formatsPay are those of payments and trade.
var formatsPay = []format{
	// Clerk, Paystack, WorkOS and others write their keys as Stripe does.
	{Rule{"stripe-key", "Stripe live secret, restricted, organisation or ephemeral key; those of Clerk, Paystack and WorkOS look the same.", Block}, []form{
		{prefix: "sk_live_", body: alnum, min: 16, max: 247, check: blended},
		{prefix: "rk_live_", body: alnum, min: 16, max: 247, check: blended},
		{prefix: "rk_prod_", body: alnum, min: 16, max: 247, check: blended},
		{prefix: "sk_org_live_", body: alnum, min: 16, max: 247, check: blended},
		{prefix: "ek_live_", body: alnum, min: 16, max: 247, check: blended},
	}},
	{Rule{"stripe-test-key", "Stripe test secret or restricted key; those of Clerk, Paystack and WorkOS look the same.", Warn}, []form{
		{prefix: "sk_test_", body: alnum, min: 16, max: 247, check: blended},
		{prefix: "rk_test_", body: alnum, min: 16, max: 247, check: blended},
		{prefix: "sk_org_test_", body: alnum, min: 16, max: 247, check: blended},
	}},
	{Rule{"stripe-publishable-key", "Stripe live publishable key, which web pages hold.", Warn}, []form{
		{prefix: "pk_live_", body: alnum, min: 20, max: 247, check: blended},
	}},
	{Rule{"webhook-secret", "Signing secret of a webhook of Stripe, Svix or another that follows Standard Webhooks.", Block}, []form{
		{prefix: "whsec_", body: base64Line, min: 32, max: 100, check: scattered},
	}},
	{Rule{"square-token", "Square access token.", Block}, []form{
		{prefix: "sq0atp-", body: dashed, min: 22, max: 60, check: blended},
		{prefix: "EAAA", body: dashed, min: 60, max: 60, check: scattered},
	}},
	{Rule{"square-secret", "Square OAuth application secret.", Block}, []form{
		{prefix: "sq0csp-", body: dashed, min: 40, max: 50, check: mixed},
		{prefix: "sq0csb-", body: dashed, min: 40, max: 50, check: mixed},
		{prefix: "sandbox-sq0csb-", body: dashed, min: 40, max: 50, check: mixed},
	}},
	{Rule{"adyen-key", "Adyen API key.", Block}, []form{
		{prefix: "AQE", body: base64Any, min: 80, max: 400, check: adyen},
	}},
	{Rule{"razorpay-key-id", "Razorpay live key ID.", Block}, []form{
		{prefix: "rzp_live_", body: alnum, min: 14, max: 14, check: assorted},
	}},
	{Rule{"razorpay-test-key-id", "Razorpay test key ID.", Warn}, []form{
		{prefix: "rzp_test_", body: alnum, min: 14, max: 14, check: assorted},
	}},
	{Rule{"flutterwave-key", "Flutterwave live secret key.", Block}, []form{
		{prefix: "FLWSECK-", body: hyphened, min: 32, max: 60, check: mixed},
	}},
	{Rule{"flutterwave-test-key", "Flutterwave test secret key.", Warn}, []form{
		{prefix: "FLWSECK_TEST-", body: hyphened, min: 12, max: 60, check: mixedShort},
	}},
	{Rule{"plaid-token", "Plaid access token of production.", Block}, []form{
		{prefix: "access-production-", body: hexDash, min: 36, max: 36, check: uuid},
	}},
	{Rule{"plaid-test-token", "Plaid access token of the sandbox or of development.", Warn}, []form{
		{prefix: "access-sandbox-", body: hexDash, min: 36, max: 36, check: uuid},
		{prefix: "access-development-", body: hexDash, min: 36, max: 36, check: uuid},
	}},
	// The lengths tell these apart.
	{Rule{"gocardless-token", "GoCardless live access token.", Block}, []form{
		{prefix: "live_", body: dashed, min: 40, max: 40, check: goCardless},
	}},
	{Rule{"gocardless-sandbox-token", "GoCardless sandbox access token.", Warn}, []form{
		{prefix: "sandbox_", body: dashed, min: 40, max: 40, check: oneCase},
	}},
	{Rule{"mollie-key", "Mollie live API key.", Block}, []form{
		{prefix: "live_", body: dashed, min: 30, max: 30, check: plainScattered},
	}},
	{Rule{"mollie-test-key", "Mollie test API key.", Warn}, []form{
		{prefix: "test_", body: dashed, min: 30, max: 30, check: plainScattered},
	}},
	{Rule{"lob-key", "Lob live API key.", Block}, []form{
		{prefix: "live_", body: dashed, min: 35, max: 35, check: plainHex},
	}},
	{Rule{"lob-test-key", "Lob test API key.", Warn}, []form{
		{prefix: "test_", body: dashed, min: 35, max: 35, check: plainHex},
	}},
	{Rule{"toss-key", "Toss Payments live secret key.", Block}, []form{
		{prefix: "live_sk_", body: alnum, min: 24, max: 40, check: scattered},
		{prefix: "live_gsk_", body: alnum, min: 24, max: 40, check: scattered},
	}},
	{Rule{"easypost-key", "EasyPost production API key.", Block}, []form{
		{prefix: "EZAK", body: alnum, min: 54, max: 54, check: mixed},
	}},
	{Rule{"easypost-test-key", "EasyPost test API key.", Warn}, []form{
		{prefix: "EZTK", body: alnum, min: 54, max: 54, check: mixed},
	}},
	{Rule{"shippo-token", "Shippo live API token.", Block}, []form{
		{prefix: "shippo_live_", body: hexAny, min: 40, max: 40},
	}},
	{Rule{"shippo-test-token", "Shippo test API token.", Warn}, []form{
		{prefix: "shippo_test_", body: hexAny, min: 40, max: 40},
	}},
	{Rule{"duffel-token", "Duffel live access token.", Block}, []form{
		{prefix: "duffel_live_", body: base64Any, min: 43, max: 43, check: blended},
	}},
	{Rule{"duffel-test-token", "Duffel test access token.", Warn}, []form{
		{prefix: "duffel_test_", body: base64Any, min: 43, max: 43, check: blended},
	}},
	{Rule{"paddle-key", "Paddle live API key.", Block}, []form{
		{prefix: "pdl_live_apikey_", body: word, min: 40, max: 64, check: scattered},
	}},
	{Rule{"paddle-sandbox-key", "Paddle sandbox API key.", Warn}, []form{
		{prefix: "pdl_sdbx_apikey_", body: word, min: 40, max: 64, check: scattered},
	}},
	{Rule{"paddle-webhook-secret", "Paddle notification secret key.", Block}, []form{
		{prefix: "pdl_ntfset_", body: base64Any, min: 50, max: 72, check: scattered},
	}},
	{Rule{"polar-token", "Polar organisation or personal access token.", Block}, []form{
		{prefix: "polar_oat_", body: dashed, min: 20, max: 100, check: blended},
		{prefix: "polar_pat_", body: dashed, min: 20, max: 100, check: blended},
		{prefix: "polar_at_", body: dashed, min: 20, max: 100, check: blended},
	}},
	{Rule{"ramp-secret", "Ramp client secret or business token.", Block}, []form{
		{prefix: "ramp_sec_", body: alnum, min: 32, max: 64, check: blended},
		{prefix: "ramp_business_tok_", body: alnum, min: 32, max: 64, check: blended},
	}},
	{Rule{"xendit-key", "Xendit production secret key.", Block}, []form{
		{prefix: "xnd_production_", body: alnum, min: 40, max: 80, check: blended},
	}},
	{Rule{"xendit-test-key", "Xendit development secret key.", Warn}, []form{
		{prefix: "xnd_development_", body: alnum, min: 40, max: 80, check: blended},
	}},
	{Rule{"midtrans-key", "Midtrans production server key.", Block}, []form{
		{prefix: "Mid-server-", body: dashed, min: 14, max: 24, check: blended},
	}},
	{Rule{"midtrans-sandbox-key", "Midtrans sandbox server key.", Warn}, []form{
		{prefix: "SB-Mid-server-", body: dashed, min: 14, max: 24, check: blended},
	}},
	{Rule{"mercadopago-token", "Mercado Pago access token.", Block}, []form{
		{prefix: "APP_USR-", body: hyphened, min: 60, max: 72, check: mercadoPago},
	}},
	{Rule{"asaas-key", "Asaas API key.", Block}, []form{
		{prefix: "aact_", body: base64Any, min: 24, max: 300, check: scattered},
	}},
	{Rule{"omise-key", "Omise live secret key.", Block}, []form{
		{prefix: "skey_", body: lowerNum, min: 19, max: 19, check: mixed},
	}},
	{Rule{"omise-test-key", "Omise test secret key.", Warn}, []form{
		{prefix: "skey_test_", body: lowerNum, min: 19, max: 19, check: mixed},
	}},
	{Rule{"branch-secret", "Branch or Adapty live secret key.", Block}, []form{
		{prefix: "secret_live_", body: dotted, min: 32, max: 64, check: scattered},
	}},
	{Rule{"shopify-token", "Shopify access token or app secret.", Block}, []form{
		{prefix: "shpat_", body: hexAny, min: 32, max: 32},
		{prefix: "shpca_", body: hexAny, min: 32, max: 32},
		{prefix: "shppa_", body: hexAny, min: 32, max: 32},
		{prefix: "shpua_", body: hexAny, min: 32, max: 32},
		{prefix: "shpss_", body: hexAny, min: 32, max: 32},
	}},
	{Rule{"shopify-theme-token", "Shopify Theme Access password.", Block}, []form{
		{prefix: "shptka_", body: hexAny, min: 32, max: 32},
	}},
	{Rule{"shopify-partner-token", "Shopify Partner API token.", Block}, []form{
		{prefix: "prtapi_", body: hexAny, min: 32, max: 32},
	}},
	{Rule{"woocommerce-key", "WooCommerce REST API consumer key or secret.", Block}, []form{
		{prefix: "ck_", body: hexLower, min: 40, max: 40, check: mixed},
		{prefix: "cs_", body: hexLower, min: 40, max: 40, check: mixed},
	}},
	{Rule{"ebay-secret", "eBay production client secret.", Block}, []form{
		{prefix: "PRD-", body: hexDash, min: 30, max: 36, check: ebay},
	}},
	{Rule{"ebay-sandbox-secret", "eBay sandbox client secret.", Warn}, []form{
		{prefix: "SBX-", body: hexDash, min: 30, max: 36, check: ebay},
	}},
	{Rule{"quicknode-key", "QuickNode API key.", Block}, []form{
		{prefix: "QN_", body: hexLower, min: 32, max: 32, check: mixed},
	}},
	{Rule{"stripe-client-secret", "Stripe client secret of one payment or set-up, which web pages hold.", Warn}, []form{
		{prefix: "pi_", body: word, min: 50, max: 70, check: clientSecret},
		{prefix: "seti_", body: word, min: 50, max: 70, check: clientSecret},
	}},
	{Rule{"square-app-id", "Square application ID, which web pages hold.", Warn}, []form{
		{prefix: "sq0idp-", body: dashed, min: 22, max: 43, check: blended},
		{prefix: "sq0idb-", body: dashed, min: 22, max: 43, check: blended},
		{prefix: "sandbox-sq0idb-", body: dashed, min: 22, max: 43, check: blended},
	}},
	{Rule{"flutterwave-public-key", "Flutterwave public key, which web pages hold.", Warn}, []form{
		{prefix: "FLWPUBK-", body: hyphened, min: 32, max: 40, check: mixed},
		{prefix: "FLWPUBK_TEST-", body: hyphened, min: 32, max: 40, check: mixed},
	}},
	{Rule{"checkout-key", "Checkout.com secret key of the former kind.", Block}, []form{
		{prefix: "sk_", body: dashed, min: 36, max: 36, check: uuidLike},
	}},
	{Rule{"checkout-test-key", "Checkout.com secret test key of the former kind.", Warn}, []form{
		{prefix: "sk_test_", body: hyphened, min: 36, max: 36, check: uuidLike},
	}},
	{Rule{"column-key", "Column live API key.", Block}, []form{
		{prefix: "live_", body: dashed, min: 27, max: 27, check: plainScattered},
	}},
	{Rule{"column-test-key", "Column test API key.", Warn}, []form{
		{prefix: "test_", body: dashed, min: 27, max: 27, check: plainScattered},
	}},
	{Rule{"pagarme-key", "Pagar.me live key.", Block}, []form{
		{prefix: "ak_live_", body: alnum, min: 30, max: 30, check: blended},
	}},
	{Rule{"rainforest-key", "Rainforest API key.", Block}, []form{
		{prefix: "apikey_", body: hexLower, min: 64, max: 64},
	}},
	{Rule{"gemini-exchange-key", "Gemini exchange API key of an account or a group.", Warn}, []form{
		{prefix: "account-", body: dashed, min: 20, max: 20, check: plainScattered},
		{prefix: "master-", body: dashed, min: 20, max: 20, check: plainScattered},
	}},
	{Rule{"robinhood-key", "Robinhood crypto API key.", Block}, []form{
		{prefix: "rh-api-", body: hyphened, min: 36, max: 36, check: uuidLike},
	}},
	{Rule{"ticket-tailor-key", "Ticket Tailor API key.", Block}, []form{
		{prefix: "sk_", body: word, min: 44, max: 45, check: ticketTailor},
	}},
	{Rule{"fleetbase-key", "Fleetbase live API key.", Block}, []form{
		{prefix: "flb_live_", body: alnum, min: 20, max: 20, check: blended},
	}},
	{Rule{"flexport-token", "Flexport API token.", Block}, []form{
		{prefix: "shltm_", body: dashed, min: 40, max: 40, check: blended},
	}},
	{Rule{"lob-public-key", "Lob public key, which web pages hold.", Warn}, []form{
		{prefix: "live_pub_", body: hexLower, min: 31, max: 31, check: mixed},
		{prefix: "test_pub_", body: hexLower, min: 31, max: 31, check: mixed},
	}},
	{Rule{"braintree-token", "Braintree (PayPal) access token of production.", Block}, []form{
		{prefix: "access_token$production$", body: dollared, min: 49, max: 49, check: braintree},
	}},
	{Rule{"braintree-sandbox-token", "Braintree (PayPal) access token of the sandbox.", Warn}, []form{
		{prefix: "access_token$sandbox$", body: dollared, min: 49, max: 49, check: braintree},
	}},
	{Rule{"klarna-key", "Klarna live API key.", Block}, []form{
		{prefix: "klarna_live_", body: base64Any, min: 40, max: 240, check: scattered},
	}},
	{Rule{"klarna-test-key", "Klarna test API key.", Warn}, []form{
		{prefix: "klarna_test_", body: base64Any, min: 40, max: 240, check: scattered},
	}},
	{Rule{"revenuecat-key", "RevenueCat secret API key.", Block}, []form{
		{prefix: "sk_", body: dashed, min: 27, max: 27, check: plainScattered},
	}},
	{Rule{"checkout-sandbox-key", "Checkout.com secret key of the sandbox.", Warn}, []form{
		{prefix: "sk_sbox_", body: lowerNum, min: 26, max: 27, check: mixed},
	}},
	{Rule{"chargebee-key", "Chargebee live API key.", Block}, []form{
		{prefix: "live_", body: dashed, min: 32, max: 32, check: plainScattered},
	}},
	{Rule{"mercury-token", "Mercury API token of production.", Block}, []form{
		{prefix: "mercury_production_", body: word, min: 40, max: 90, check: mercury},
	}},
}
