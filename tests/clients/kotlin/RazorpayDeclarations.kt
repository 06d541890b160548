package com.razorpay

import android.app.Activity
import org.json.JSONObject

class Checkout {
    fun setKeyID(key: String) = Unit

    fun open(activity: Activity, options: JSONObject) = Unit
}

class PaymentData(val paymentId: String?, val orderId: String?, val signature: String?)
