// Runs the guide's code against a service: the arguments are its address, a token, a wallet and a photo.
package usage

import android.app.Activity
import app.Api
import app.ApiFailure
import app.Memory
import app.Payments
import app.send
import app.uploadPhoto
import garmentpay.client.models.AddWalletBalanceInput
import garmentpay.client.models.CreatePaymentInput
import garmentpay.client.models.PaymentSource
import garmentpay.client.models.PaymentStatus
import java.io.File
import java.math.BigDecimal
import java.util.UUID

fun main(arguments: Array<String>) {
    val (url, token, wallet, photo) = arguments
    val api = Api(url, { token }, "hi")
    val memory = object : Memory {
        override var payment: String? = null
    }
    val payments = Payments(api, memory)
    val created = payments.start(UUID.fromString(wallet), "500.00", "kotlin-1")
    check(created.status == PaymentStatus.CREATED && created.amount.toPlainString() == "500.00") { created }
    check(memory.payment == created.id && created.checkout?.orderId == created.gatewayOrderId) { created }
    payments.open(Activity(), created)
    val dryRun = send {
        api.wallets.addWalletBalance(UUID.fromString(wallet), AddWalletBalanceInput(BigDecimal("500.00")), dryRun = true)
    }
    check(dryRun.id == null && dryRun.checkout == null && dryRun.amount.toPlainString() == "500.00") { dryRun }
    val failure = try {
        val input = CreatePaymentInput(BigDecimal("900.00"), PaymentSource.WALLET)
        send { api.payments.createPayment(input, idempotencyKey = "kotlin-2") }
        null
    } catch (error: ApiFailure) {
        error
    }
    check(failure?.code == "insufficient_funds" && failure.message!!.any { it in 'ऀ'..'ॿ' }) { failure.toString() }
    check(api.payments.listPaymentLimits().rules.any { it.used.content == "1" })
    var progress = 0f
    val image = uploadPhoto(api, File(photo)) { progress = it }
    check(image.variants.isNotEmpty() && progress == 1f) { image }
    println("the Kotlin client created a payment and read a photo of ${image.variants.size} variants")
}
