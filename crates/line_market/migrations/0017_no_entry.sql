update market_hold set retest = null where retest < 0;
update market_inspection set retest_of = null where retest_of < 0
